const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * CSP Level 3 for a page. Chromium holds `form-action` against every redirect that a form leads to: to the app, and from there
 * to wherever the app sends the person next, which we can't know. So a page in the course of an app's request allows the
 * scheme of its redirect URI; a parsed scheme has no character that could end the directive, which a host may have.
 */
export const pagePolicy = (redirectUri?: string): string =>
  `${POLICY}; form-action 'self'${redirectUri !== undefined && URL.canParse(redirectUri) ? ` ${new URL(redirectUri).protocol}` : ''}`
