// Where one is, as the part of the address behind "#": it never leaves the browser, stands in no log, and back and forward work.
import { signal } from '@preact/signals'

function read() {
	const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?')
	return { path, query: Object.fromEntries(new URLSearchParams(query)) }
}

export const route = signal(read())
addEventListener('hashchange', () => { route.value = read() })

// href is the address of a page; what is empty is left out.
export function href(path, query = {}) {
	const given = Object.entries(query).filter(([, value]) => value !== '' && value != null)
	return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ''}`
}

// go goes to a page; replace: back doesn't come here again.
export function go(path, query, replace = false) {
	const to = href(path, query)
	if (to === location.hash) return
	if (replace) {
		history.replaceState(null, '', to)
		route.value = read()
	} else {
		location.hash = to
	}
}
