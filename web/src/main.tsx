import { render } from 'preact'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/pages.css'
import './styles/setup.css'
import { App } from './app.tsx'

const root = document.getElementById('page')
if (root) render(<App />, root)
