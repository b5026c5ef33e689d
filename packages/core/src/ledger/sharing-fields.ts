/** What a license may say a seat is shared by, in the order in which it stands in a holder's key. */
export const sharingFields = ['user', 'host', 'display', 'key'] as const;
export type SharingField = (typeof sharingFields)[number];
