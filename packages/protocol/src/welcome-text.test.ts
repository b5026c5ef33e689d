import { expect, test } from 'vitest';
import { welcomeText } from './welcome-text.ts';

test('is the context and the canonical form of all but signature and license', () => {
  expect(welcomeText({ term: 7, t: 'welcome', signature: 'x', license: '{}', nonce: 'n' })).toBe(
    'lic-welcome-1\n{"nonce":"n","t":"welcome","term":7}',
  );
});

test('covers fields that this version does not know, at every depth', () => {
  const signed = welcomeText({ t: 'welcome', server: { key: 'k', colour: 'red' }, mood: 'good' });
  expect(signed).toBe('lic-welcome-1\n{"mood":"good","server":{"colour":"red","key":"k"},"t":"welcome"}');
});
