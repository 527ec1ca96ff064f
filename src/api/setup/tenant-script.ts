/** What the script is made from; all of it was checked before. */
export interface ScriptValues {
  tenantId: string
  sbcFqdn: string
  sipPort: number
  country: string
}

/**
 * Numbers that ring the desk phone get this in front while they travel through Teams, because a person cannot be
 * forwarded to their own number; the tenant takes it off again before the box sees it. +999 is kept free by ITU-T E.164.
 */
const ringPrefix = '999'
const policy = 'Branchline'
const moduleVersion = '5.6.0'

/** Writes the PowerShell that makes a tenant know this box. Cmdlets as of MicrosoftTeams 5.6; it may be run twice. */
export function tenantScript(values: ScriptValues): string {
  const fqdn = quoted(values.sbcFqdn)
  const name = quoted(policy)
  const rule = quoted(`${policy}Ring`)
  return `# Branchline: makes this tenant know the box ${values.sbcFqdn}.
# Run it in PowerShell as Teams administrator. It may be run again: what exists stays.
$ErrorActionPreference = 'Stop'
if (-not (Get-Module -ListAvailable MicrosoftTeams | Where-Object Version -ge '${moduleVersion}')) {
  Install-Module MicrosoftTeams -MinimumVersion ${moduleVersion} -Scope CurrentUser
}
Connect-MicrosoftTeams -TenantId ${quoted(values.tenantId)} | Out-Null

# 1. The box. The domain of its name must be verified in the tenant, with a licensed user in it.
if (-not (Get-CsTeamsTranslationRule | Where-Object Identity -eq ${rule})) {
  New-CsTeamsTranslationRule -Identity ${rule} -Pattern '^\\+${ringPrefix}(\\d+)$' -Translation '+$1'
}
if (-not (Get-CsOnlinePSTNGateway | Where-Object Identity -eq ${fqdn})) {
  New-CsOnlinePSTNGateway -Fqdn ${fqdn} -SipSignalingPort ${values.sipPort} -Enabled $true
}
Set-CsOnlinePSTNGateway -Identity ${fqdn} -SipSignalingPort ${values.sipPort} -SendSipOptions $true \`
  -MediaBypass $false -ForwardCallHistory $true -ForwardPai $false -MaxConcurrentSessions 100 \`
  -OutboundPstnNumberTranslationRules ${rule} -Enabled $true

# 2. The way of calls from Teams to the box: only those that ring a desk phone.
if ((Get-CsOnlinePstnUsage -Identity Global).Usage -notcontains ${name}) {
  Set-CsOnlinePstnUsage -Identity Global -Usage @{Add = ${name}}
}
if (-not (Get-CsOnlineVoiceRoute | Where-Object Identity -eq ${name})) {
  New-CsOnlineVoiceRoute -Identity ${name} -NumberPattern '^\\+${ringPrefix}\\d+$' \`
    -OnlinePstnGatewayList ${fqdn} -OnlinePstnUsages ${name}
} elseif ((Get-CsOnlineVoiceRoute -Identity ${name}).OnlinePstnGatewayList -notcontains ${fqdn}) {
  Set-CsOnlineVoiceRoute -Identity ${name} -OnlinePstnGatewayList @{Add = ${fqdn}}
}
if (-not (Get-CsOnlineVoiceRoutingPolicy | Where-Object Identity -eq ${quoted(`Tag:${policy}`)})) {
  New-CsOnlineVoiceRoutingPolicy -Identity ${name} -OnlinePstnUsages ${name}
}

# 3. What people may do on desk phones; both are off in Teams at first.
if (-not (Get-CsTeamsCallingPolicy | Where-Object Identity -eq ${quoted(`Tag:${policy}`)})) {
  New-CsTeamsCallingPolicy -Identity ${name}
}
Set-CsTeamsCallingPolicy -Identity ${name} -AllowSIPDevicesCalling $true -AllowCallRedirect Enabled

# 4. Each person: one line per person in $people, number as assigned in Teams.
#    A person whose number comes from this box's own PSTN line gets it with:
#    Set-CsPhoneNumberAssignment -Identity 'anna@example.com' -PhoneNumber '${exampleNumber(values.country)}' -PhoneNumberType DirectRouting
#    A person who has a voice routing policy already keeps it: add the usage ${policy} to that policy instead.
$people = @(
  # @{ Upn = 'anna@example.com'; Number = '${exampleNumber(values.country)}' }
)
foreach ($person in $people) {
  Grant-CsOnlineVoiceRoutingPolicy -Identity $person.Upn -PolicyName ${name}
  Grant-CsTeamsCallingPolicy -Identity $person.Upn -PolicyName ${name}
  # Calls that Teams takes for this person ring the desk phone as well.
  Set-CsUserCallingSettings -Identity $person.Upn -IsForwardingEnabled $true -ForwardingType Simultaneous \`
    -ForwardingTargetType SingleTarget -ForwardingTarget ('+${ringPrefix}' + $person.Number.TrimStart('+'))
}

# 5. What the tenant knows now. The live checks on the setup page show the other side.
Get-CsOnlinePSTNGateway -Identity ${fqdn} | Format-List Identity, SipSignalingPort, SendSipOptions, Enabled
Get-CsOnlineVoiceRoute -Identity ${name} | Format-List Identity, NumberPattern, OnlinePstnGatewayList
`
}

/** PowerShell's single quotes: nothing inside them is run, a quote is doubled. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function exampleNumber(country: string): string {
  const examples: Readonly<Record<string, string>> = {
    DE: '+493012345678',
    US: '+12065550100',
    GB: '+442079460100',
  }
  return examples[country] ?? '+493012345678'
}
