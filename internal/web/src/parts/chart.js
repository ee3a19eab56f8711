// A chart of lines or bars (uPlot), as wide as there is room for, in the colours of the page.
import uPlot from 'uplot'
import { useEffect, useRef } from 'preact/hooks'
import { html } from '../lib/html.js'
import { color, isDark } from '../lib/theme.js'

export const seriesColor = (i) => color(`--series-${(i % 8) + 1}`)

const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 })

const font = '12px system-ui, sans-serif'

// axis is an axis as the page looks.
function axis(more) {
	return { stroke: color('--soft'), font, grid: { stroke: color('--line'), width: 1 }, ticks: { stroke: color('--line'), width: 1 }, ...more }
}

// Chart draws. names are those of the series, data the columns as uPlot takes them, x first; time: x is in seconds since 1970; labels: x is the
// place in this list; bars: bars instead of lines. label says in words what is shown.
// span is the least width of a chart of times, in seconds; zero: what stands above begins at 0.
export function Chart({ names, data, time = true, labels = null, bars = false, height = 180, span = 0, zero = true, label }) {
	const host = useRef(null)
	const plot = useRef(null)
	const dark = isDark()
	useEffect(() => {
		const at = host.current
		const width = () => Math.max(at.clientWidth, 120)
		const paths = bars ? uPlot.paths.bars({ size: [0.7, 60] }) : undefined
		const x = xAxis(labels, time)
		plot.current = new uPlot({
			width: width(), height, padding: [8, 8, 0, 0], legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false } },
			scales: { x: { time: time && !labels, range: labels ? [-0.6, labels.length - 0.4] : span ? (_, low, high) => [Math.min(low, high - span), high] : undefined }, y: { range: (_, low, high) => (zero ? [Math.min(low ?? 0, 0), Math.max(high ?? 0, 1) * 1.05] : around(low, high)) } },
			axes: [axis(x), axis({ size: 56, values: (_, list) => list.map((n) => short.format(n)) })],
			series: [{}, ...names.map((name, i) => ({ label: name, stroke: seriesColor(i), width: 2, dash: bars ? undefined : dashes[i % dashes.length], fill: bars ? seriesColor(i) : undefined, paths, points: { show: false } }))],
		}, data, at)
		const watcher = new ResizeObserver(() => plot.current?.setSize({ width: width(), height }))
		watcher.observe(at)
		return () => {
			watcher.disconnect()
			plot.current.destroy()
			plot.current = null
		}
	}, [names.join('\n'), dark, height, time, bars, labels])
	useEffect(() => { plot.current?.setData(data) }, [data])
	return html`<figure class="chart" role="img" aria-label=${label}>
		<div ref=${host}></div>
		${names.length > 1 || !bars ? html`<figcaption>${names.map((name, i) => html`<span><svg width="22" height="8" aria-hidden="true"><line class="series series-${(i % 8) + 1}" x1="0" y1="4" x2="22" y2="4" stroke-dasharray=${(bars ? [] : dashes[i % dashes.length]).join(' ')} /></svg>${name}</span>`)}</figcaption>` : null}
	</figure>`
}

// around leaves a little room above and below.
function around(low, high) {
	const room = (high - low) * 0.05 || Math.abs(high ?? 0) * 0.05 || 1
	return [(low ?? 0) - room, (high ?? 0) + room]
}

// xAxis is the axis of what stands below: names, times or numbers.
function xAxis(labels, time) {
	if (labels) {
		const many = labels.length > 8
		return { values: (_, splits) => splits.map((i) => (Number.isInteger(i) ? shorten(labels[i] ?? '') : '')), rotate: many ? -45 : 0, size: many ? 70 : 30 }
	}
	return time ? { values: (_, splits, __, ___, step) => splits.map((at) => clockOf(at, step)), space: 80 } : {}
}

// clockOf is a time in seconds as the steps of the axis need it.
function clockOf(at, step) {
	const d = new Date(at * 1000)
	if (step >= 86400) return d.toLocaleDateString('en-CA')
	const text = d.toLocaleTimeString('en-GB', { hour12: false })
	return step >= 60 ? text.slice(0, 5) : text
}

// Lines differ by more than their colour.
const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [4, 2, 1, 2], [1, 2], [10, 2, 4, 2]]

const shorten = (text) => (text.length > 14 ? `${text.slice(0, 13)}…` : text)
