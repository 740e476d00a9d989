metadata name = 'Network'
metadata description = '''The private network, for environments whose data is reached from inside only.

Owns: the network, its three subnets, and the private DNS zones that turn the names of services into addresses inside.
Does not own: the private endpoints (each service brings its own: vault, host-storage, journal, key-vault).

Private DNS is for everybody in the network: with the zone of blobs linked, the name of a blob account that has no private endpoint here is
still looked up outside, as long as that account has none elsewhere either.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Address space of the network, a /16 to /23. Choose one that is used nowhere it might be peered with.')
param addressSpace string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Variables //
// ========= //

// /24 for the app: an instance takes an address, and the platform keeps some for itself. Postgres asks for a /28 of its own, endpoints for one address each.
var subnets = {
  app: cidrSubnet(addressSpace, 24, 0)
  endpoints: cidrSubnet(addressSpace, 26, 4)
  catalogue: cidrSubnet(addressSpace, 28, 20)
}
var storageZones = [for service in ['blob', 'queue', 'table']: 'privatelink.${service}.${environment().suffixes.storage}']
// There is no function for the zones of private links of these two.
var keyVaultZone = 'privatelink.vaultcore.azure.net'
var catalogueZone = 'afb-${token}.private.postgres.database.azure.com'
var zones = concat(storageZones, [keyVaultZone, catalogueZone])

// ========= //
// Resources //
// ========= //

module network 'br/public:avm/res/network/virtual-network:0.10.1' = {
  name: '${deployment().name}-network'
  params: {
    name: 'vnet-afb-${token}'
    location: location
    tags: tags
    addressPrefixes: [addressSpace]
    subnets: [
      // Said although it was the default: networks made by newer versions of the service have none unless somebody says so. The app reaches
      // the accounts that it backs up, webhooks and Entra by it; a NAT gateway would do as well, and charge for every gigabyte.
      { name: 'app', addressPrefix: subnets.app, delegation: 'Microsoft.App/environments', defaultOutboundAccess: true }
      { name: 'endpoints', addressPrefix: subnets.endpoints }
      { name: 'catalogue', addressPrefix: subnets.catalogue, delegation: 'Microsoft.DBforPostgreSQL/flexibleServers' }
    ]
    enableTelemetry: false
  }
}

module zone 'br/public:avm/res/network/private-dns-zone:0.8.1' = [
  for (name, index) in zones: {
    name: '${deployment().name}-zone-${index}'
    params: {
      name: name
      tags: tags
      virtualNetworkLinks: [{ virtualNetworkResourceId: network.outputs.resourceId, registrationEnabled: false }]
      enableTelemetry: false
    }
  }
]

// ======= //
// Outputs //
// ======= //

@description('Subnet of the app\'s instances.')
output appSubnetId string = '${network.outputs.resourceId}/subnets/app'

@description('Subnet of the private endpoints.')
output endpointSubnetId string = '${network.outputs.resourceId}/subnets/endpoints'

@description('Subnet of the catalogue\'s server.')
output catalogueSubnetId string = '${network.outputs.resourceId}/subnets/catalogue'

@description('DNS zone of blob endpoints.')
output blobZoneId string = zone[0].outputs.resourceId

@description('DNS zone of queue endpoints.')
output queueZoneId string = zone[1].outputs.resourceId

@description('DNS zone of table endpoints.')
output tableZoneId string = zone[2].outputs.resourceId

@description('DNS zone of Key Vault endpoints.')
output keyVaultZoneId string = zone[3].outputs.resourceId

@description('DNS zone of the catalogue\'s server.')
output catalogueZoneId string = zone[4].outputs.resourceId
