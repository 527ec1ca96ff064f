/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/host-agent/linux-machine.test.ts > TAP > a fixed address, time servers and a name > must match snapshot 1`] = `
Object {
  "60-branchline.network": String(
    # Asked for by Branchline; gone with the next boot.
    [Match]
    Name=eth0
    
    [Network]
    Address=192.0.2.10/24
    Gateway=192.0.2.1
    DNS=192.0.2.53
    DNS=192.0.2.54
    LinkLocalAddressing=ipv6
    MulticastDNS=yes
    LLMNR=no
    IPv6AcceptRA=yes
    NTP=ntp.example.org
    
  ),
}
`

exports[`test/host-agent/linux-machine.test.ts > TAP > a VLAN is a device of its own, and goes when it is no longer wanted > must match snapshot 1`] = `
Object {
  "60-branchline-port.network": String(
    # Asked for by Branchline; gone with the next boot.
    [Match]
    Name=eth0
    
    [Network]
    VLAN=vlan42
    LinkLocalAddressing=no
    IPv6AcceptRA=no
    
  ),
  "60-branchline-vlan.netdev": String(
    # Asked for by Branchline; gone with the next boot.
    [NetDev]
    Name=vlan42
    Kind=vlan
    
    [VLAN]
    Id=42
    
  ),
  "60-branchline-vlan.network": String(
    # Asked for by Branchline; gone with the next boot.
    [Match]
    Name=vlan42
    
    [Network]
    Address=192.0.2.10/24
    LinkLocalAddressing=ipv6
    MulticastDNS=yes
    LLMNR=no
    IPv6AcceptRA=yes
    
  ),
}
`

exports[`test/host-agent/linux-machine.test.ts > TAP > DHCP on every wired port > must match snapshot 1`] = `
Object {
  "60-branchline.network": String(
    # Asked for by Branchline; gone with the next boot.
    [Match]
    Type=ether
    Name=en* eth*
    
    [Network]
    DHCP=yes
    LinkLocalAddressing=yes
    MulticastDNS=yes
    LLMNR=no
    IPv6AcceptRA=yes
    
    [DHCPv4]
    ClientIdentifier=mac
    UseDomains=no
    UseHostname=no
    
    [DHCPv6]
    UseDomains=no
    UseHostname=no
    
  ),
}
`
