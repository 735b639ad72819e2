// The only script of these pages, and only for passkeys: without it everything but them works.

const decode = (base64url) =>
  Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0))

const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const decodeIds = (credentials = []) => credentials.map((credential) => ({ ...credential, id: decode(credential.id) }))

/** WebAuthn Level 3 §5.1.8 and §5.1.9, for browsers of Level 2. */
const parse = {
  get: (options) =>
    PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? {
      ...options,
      challenge: decode(options.challenge),
      allowCredentials: decodeIds(options.allowCredentials),
    },
  create: (options) =>
    PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? {
      ...options,
      challenge: decode(options.challenge),
      user: { ...options.user, id: decode(options.user.id) },
      excludeCredentials: decodeIds(options.excludeCredentials),
    },
}

/** §5.1: RegistrationResponseJSON or AuthenticationResponseJSON. */
function serialize(credential) {
  if (credential.toJSON) return credential.toJSON()
  const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = credential.response
  const buffers = { clientDataJSON, attestationObject, authenticatorData, signature, userHandle }
  const response = Object.fromEntries(
    Object.entries(buffers).flatMap(([name, buffer]) => (buffer ? [[name, encode(buffer)]] : [])),
  )
  if (credential.response.getTransports) response.transports = credential.response.getTransports()
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  }
}

const FAILURES = {
  NotAllowedError: 'It was cancelled, or took too long. Try again.',
  InvalidStateError: 'This device already holds a passkey of yours.',
  SecurityError: 'Passkeys don’t work at this address.',
}

/** A browser performs one ceremony at a time: the button ends the one that waits in the email field. */
let underWay = new AbortController()

async function perform(region, how = {}) {
  underWay.abort()
  underWay = new AbortController()
  const { passkey: ceremony, options } = region.dataset
  const publicKey = parse[ceremony](JSON.parse(options))
  const credential = await navigator.credentials[ceremony]({ publicKey, signal: underWay.signal, ...how })
  const form = region.querySelector('form')
  form.elements.namedItem('credential').value = JSON.stringify(serialize(credential))
  form.submit()
}

function show(region, error) {
  if (error.name === 'AbortError') return
  const message = region.querySelector('[data-passkey-failed]')
  message.textContent = FAILURES[error.name] ?? 'That didn’t work. Try again.'
  message.hidden = false
}

function enhance(region) {
  region.hidden = false
  const [form, button] = [region.querySelector('form'), region.querySelector('button')]
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    button.disabled = true
    region.querySelector('[data-passkey-failed]').hidden = true
    await perform(region).catch((error) => show(region, error))
    button.disabled = false
  })
}

async function offerInEmailField(region) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
  // Nobody asked for this one, so its failure is not worth a word.
  await perform(region, { mediation: 'conditional' }).catch(() => {})
}

if (globalThis.PublicKeyCredential && navigator.credentials) {
  for (const region of document.querySelectorAll('[data-passkey]')) enhance(region)
  const autofill = document.querySelector('[data-autofill]')
  if (autofill) offerInEmailField(autofill)
} else {
  for (const note of document.querySelectorAll('[data-passkey-unsupported]')) note.hidden = false
}
