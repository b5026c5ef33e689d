import { preset } from '../../tooling/tsup.ts';

export default preset({ entry: ['src/node.ts', 'src/browser.ts'], platform: 'neutral' });
