import { preset } from '../../tooling/tsup.ts';

export default preset({
  entry: { main: 'src/main.ts', 'bench/main': 'bench/main.ts', 'bench/ledger': 'bench/ledger/main.ts' },
});
