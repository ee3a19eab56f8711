// The token that requests bring, where the node asks for one. It lives as long as the browser's tab.
import { signal } from '@preact/signals'

const key = 'quadrille-token'

export const token = signal(sessionStorage.getItem(key) ?? '')

// asked says why the node wants a token, or another one; null: it doesn't. While it is set nothing is asked again by itself.
export const asked = signal(null)

// refused notes that a request with this token was not let in. An answer to an older token says nothing of a newer one.
export function refused(why, of) {
	if (of === token.value) asked.value = why
}

// give takes a token that somebody has typed; "" goes on without.
export function give(text) {
	if (text) sessionStorage.setItem(key, text)
	else sessionStorage.removeItem(key)
	asked.value = null
	token.value = text
}
