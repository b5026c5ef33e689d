/** What stands for a user and a host that the asker may not see. */
export const masked = { user: '***', host: '***' } as const;
