// The only deep import from oidc-provider: the library says that this file is meant for custom grants and may change
// in any release (it did in 9.13), hence the exact version in package.json.
export { validateDpop } from 'oidc-provider/lib/helpers/grants.js'
