import { runLabProcess } from './lab-process.ts'
import { startTeamsEdge } from './teams-edge/start-teams-edge.ts'

await runLabProcess(process, startTeamsEdge)
