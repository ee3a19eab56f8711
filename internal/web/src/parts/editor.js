// The editor of queries (CodeMirror), which is loaded when somebody needs it. It stands in a shadow tree: there its style sheets are made
// by script, which the page's policy allows, while it forbids elements of style.
import { EditorState } from '@codemirror/state'
import { EditorView, keymap, lineNumbers, highlightActiveLine, drawSelection, placeholder } from '@codemirror/view'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { StreamLanguage, HighlightStyle, syntaxHighlighting, bracketMatching } from '@codemirror/language'
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { tags } from '@lezer/highlight'
import { mode, complete } from './sparqlmode.js'

const look = EditorView.theme({
	'&': { color: 'var(--text)', backgroundColor: 'var(--paper)', border: '1px solid var(--edge)', borderRadius: '6px', fontSize: '14px' },
	'&.cm-focused': { outline: '3px solid var(--accent)', outlineOffset: '1px' },
	'.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--text)', minHeight: '9rem', padding: '8px 0' },
	'.cm-scroller': { maxHeight: '55vh', overflow: 'auto' },
	'.cm-gutters': { backgroundColor: 'var(--raised)', color: 'var(--soft)', border: 'none', borderRadius: '5px 0 0 5px' },
	'.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--accent) 7%, transparent)' },
	'.cm-cursor': { borderLeftColor: 'var(--text)' },
	'&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection': { backgroundColor: 'color-mix(in srgb, var(--accent) 30%, transparent) !important' },
	'.cm-matchingBracket': { outline: '1px solid var(--edge)', backgroundColor: 'transparent !important' },
	'.cm-placeholder': { color: 'var(--soft)' },
	'.cm-tooltip': { backgroundColor: 'var(--paper)', color: 'var(--text)', border: '1px solid var(--edge)' },
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px', fontFamily: 'var(--mono)' },
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--accent-text)' },
	'.cm-completionDetail': { color: 'inherit', fontStyle: 'normal', marginLeft: '1em' },
})

const colors = HighlightStyle.define([
	{ tag: tags.keyword, color: 'var(--accent)', fontWeight: '600' }, { tag: tags.function(tags.name), color: 'var(--series-4)' },
	{ tag: tags.variableName, color: 'var(--series-2)' }, { tag: tags.string, color: 'var(--string)' }, { tag: tags.number, color: 'var(--string)' },
	{ tag: tags.url, color: 'var(--series-6)' }, { tag: tags.namespace, color: 'var(--series-6)' }, { tag: tags.comment, color: 'var(--soft)' },
])

// typedOver replaces a selection by what is typed. A browser that does so itself keeps the look of what was there as a style of the new
// text, which the page's policy forbids, and reports.
function typedOver(e, view) {
	const { main } = view.state.selection
	if (e.inputType !== 'insertText' || !e.data || main.empty || view.composing) return false
	e.preventDefault()
	const replaced = () => view.state.update(view.state.replaceSelection(e.data), { userEvent: 'input.type', scrollIntoView: true })
	if (!view.state.facet(EditorView.inputHandler).some((taken) => taken(view, main.from, main.to, e.data, replaced))) view.dispatch(replaced())
	return true
}

// createEditor puts an editor in an element. terms() gives the names that completion offers besides those of the language.
export function createEditor(host, { text, changed, run, cancel, terms }) {
	const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
	const view = new EditorView({
		parent: root, root,
		state: EditorState.create({
			doc: text,
			extensions: [
				keymap.of([{ key: 'Mod-Enter', run: () => { run(); return true } }, { key: 'Escape', run: () => cancel() }]),
				lineNumbers(), history(), drawSelection(), highlightActiveLine(), bracketMatching(), closeBrackets(),
				StreamLanguage.define(mode), syntaxHighlighting(colors), look, EditorView.lineWrapping,
				autocompletion({ override: [(context) => complete(context, terms)], icons: false, maxRenderedOptions: 60 }),
				keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
				placeholder('SELECT * { ?s ?p ?o } LIMIT 10'),
				EditorView.domEventHandlers({ beforeinput: typedOver }),
				EditorView.contentAttributes.of({ 'aria-label': 'Query', spellcheck: 'false' }),
				EditorView.updateListener.of((u) => { if (u.docChanged) changed(u.state.doc.toString()) }),
			],
		}),
	})
	return {
		set: (next) => { if (next !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }) },
		// show puts the cursor where the node found a mistake. Columns count from 1.
		show: ({ line, column }) => {
			const at = view.state.doc.line(Math.max(1, Math.min(line, view.state.doc.lines)))
			view.dispatch({ selection: { anchor: Math.min(at.from + Math.max(column, 1) - 1, at.to) }, scrollIntoView: true })
			view.focus()
		},
		focus: () => view.focus(),
		destroy: () => view.destroy(),
	}
}
