import { preset } from '../../tooling/tsup.ts';

export default preset({
  entry: ['src/index.ts', 'src/crypto/node.ts', 'src/crypto/web.ts', 'src/policy/policy-text.ts'],
  platform: 'neutral',
});
