// Asks for a token. What is typed stays in this tab.
import { useEffect, useRef } from 'preact/hooks'
import { html } from '../lib/html.js'
import { give } from '../lib/token.js'

export function TokenForm({ why }) {
	const input = useRef(null)
	useEffect(() => input.current.focus(), [why])
	const submit = (e) => {
		e.preventDefault()
		const text = input.current.value.trim()
		if (text) give(text)
	}
	return html`<form class="note token" aria-labelledby="token-h" onSubmit=${submit}>
		<h2 id="token-h">Token</h2>
		<p role="alert">${why}</p>
		<label>A token with the right to read
			<input ref=${input} type="password" autocomplete="off" spellcheck=${false} required /></label>
		<button type="submit" class="primary">Use it</button>
		<p class="soft">It is kept in this tab until it is closed.</p>
	</form>`
}
