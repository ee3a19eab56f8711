// Dark or light: as the system has it, unless somebody has chosen.
import { signal, effect } from '@preact/signals'

const key = 'quadrille-theme'
const names = ['system', 'light', 'dark']

function stored() {
	const name = localStorage.getItem(key)
	return names.includes(name) ? name : 'system'
}

export const theme = signal(stored())

const system = matchMedia('(prefers-color-scheme: dark)')
const systemDark = signal(system.matches)
system.addEventListener('change', () => { systemDark.value = system.matches })

// isDark is read by what draws on a canvas, which must be drawn anew when it changes.
export const isDark = () => theme.value === 'dark' || (theme.value === 'system' && systemDark.value)

effect(() => {
	if (theme.value === 'system') delete document.documentElement.dataset.theme
	else document.documentElement.dataset.theme = theme.value
})

export function nextTheme() {
	theme.value = names[(names.indexOf(theme.value) + 1) % names.length]
	localStorage.setItem(key, theme.value)
}

// color is a color of the style sheet as it is now, for a canvas, which knows no custom properties.
export function color(name) {
	const probe = document.createElement('i')
	probe.style.color = `var(${name})`
	document.body.append(probe)
	const found = getComputedStyle(probe).color
	probe.remove()
	return found
}
