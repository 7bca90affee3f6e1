// Lets `node` run the TypeScript of this folder with the package's own loader of user scripts.
import { register } from 'node:module'

register('../dist/node/script-hooks.js', import.meta.url)
