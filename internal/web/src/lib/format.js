// Numbers and times for people.
const whole = new Intl.NumberFormat('en')
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export const number = (n) => (n == null || Number.isNaN(n) ? '–' : whole.format(Math.round(n)))

export const rate = (n) => (n == null ? '–' : n < 10 ? n.toFixed(n === 0 ? 0 : 1) : n < 100000 ? whole.format(Math.round(n)) : short.format(n))

export function bytes(n) {
	if (n == null) return '–'
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
	let i = 0
	while (n >= 1024 && i < units.length - 1) {
		n /= 1024
		i++
	}
	return `${n >= 100 || i === 0 ? Math.round(n) : n.toFixed(1)} ${units[i]}`
}

export function ago(ms) {
	if (ms == null || ms < 0) return 'never'
	if (ms < 1000) return `${Math.round(ms)} ms`
	if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`
	if (ms < 3600000) return `${Math.round(ms / 60000)} min`
	return `${Math.round(ms / 3600000)} h`
}

export function clock(time) {
	const d = new Date(time)
	return Number.isNaN(d.getTime()) ? '' : d.toLocaleTimeString('en-GB', { hour12: false }) + `.${String(d.getMilliseconds()).padStart(3, '0')}`
}

export const plural = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`
