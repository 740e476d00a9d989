metadata name = 'Catalogue'
metadata description = '''The Postgres server that holds the trees, the runs and the work.

Owns: the server, its one database, its administrators, its parameters, its diagnostics.
Does not own: the subnet it sits in (network.bicep), or the tables and roles inside it: the app makes those when it starts (adr/0018).

There is no password: the server accepts Entra tokens only. The app's identity is its administrator, because migrations make roles and nobody else
gets through a closed network to do it. What is in here is an index: lose it, and it is rebuilt from the vault.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. How much server to buy. The numbers behind each size are in this file and nowhere else.')
param size catalogueSizeType

@description('Required. Whether a standby in another zone takes over when a zone fails. It doubles the price of the server; burstable ones cannot.')
param zoneRedundant bool

@description('Required. Days that the server can be put back to an earlier moment, 7 to 35.')
@minValue(7)
@maxValue(35)
param backupDays int

@description('Required. The app\'s identity.')
param app administratorType

@description('Required. Groups of people who may look into the database, for emergencies. Without any nobody may but the app.')
param people administratorType[]

@description('Required. Subnet delegated to Microsoft.DBforPostgreSQL/flexibleServers; empty: a public endpoint that lets Azure in, and who has a token.')
param subnetId string

@description('Required. Private DNS zone linked to that subnet\'s network; empty without one.')
param zoneId string

@description('Required. Log Analytics workspace that receives logs and metrics.')
param workspaceId string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Variables //
// ========= //

// The catalogue takes 50 bytes a file after months of changes (docs/CATALOGUE.md: 42 fresh, 45 to 48 later). It is fast while it is in memory, and four fifths
// of the memory are counted for it: Postgres keeps a quarter in buffers of its own, the rest is the system's cache. The files that fit are in docs/DEPLOY.md,
// held to these numbers by a test. The disk has room for five times the memory's catalogue: write-ahead log, the frontier, a rebuild beside it; it grows by itself.
// Connections are what the service gives a server of that memory: 10 for each instance of the app have to be enough.
var sizes = {
  tiny: { sku: 'Standard_B2s', tier: 'Burstable', memoryGib: 4, storageGb: 32, connections: 429 }
  small: { sku: 'Standard_E2ds_v5', tier: 'MemoryOptimized', memoryGib: 16, storageGb: 128, connections: 1718 }
  medium: { sku: 'Standard_E4ds_v5', tier: 'MemoryOptimized', memoryGib: 32, storageGb: 256, connections: 3437 }
  large: { sku: 'Standard_E8ds_v5', tier: 'MemoryOptimized', memoryGib: 64, storageGb: 512, connections: 5000 }
  huge: { sku: 'Standard_E16ds_v5', tier: 'MemoryOptimized', memoryGib: 128, storageGb: 1024, connections: 5000 }
}
var bought = sizes[size]
var databaseName = 'afb'

// What differs from the service's defaults. Vacuum is not here: the tables that need it say so themselves (adr/0007).
var parameters = [
  // Pages of 8 KiB; 0.7 of the memory. The planner then knows that an index is read from memory.
  { name: 'effective_cache_size', value: string(bought.memoryGib * 91750), source: 'user-override' }
  { name: 'random_page_cost', value: '1.1', source: 'user-override' }
  // A first backup writes for hours: fewer checkpoints, and fewer whole pages in the log.
  { name: 'max_wal_size', value: '8192', source: 'user-override' }
  { name: 'wal_compression', value: 'on', source: 'user-override' }
  // Questions take milliseconds; compiling one takes longer than that.
  { name: 'jit', value: 'off', source: 'user-override' }
  { name: 'track_io_timing', value: 'on', source: 'user-override' }
]

// ========= //
// Resources //
// ========= //

module server 'br/public:avm/res/db-for-postgre-sql/flexible-server:0.16.0' = {
  name: '${deployment().name}-server'
  params: {
    name: 'psql-afb-${token}'
    location: location
    tags: tags
    version: '17'
    skuName: bought.sku
    tier: bought.tier
    storageSizeGB: bought.storageGb
    autoGrow: 'Enabled'
    availabilityZone: -1 // the platform places the primary
    highAvailability: zoneRedundant ? 'ZoneRedundant' : 'Disabled'
    backupRetentionDays: backupDays
    geoRedundantBackup: 'Disabled' // the vault is what survives a region; a catalogue is rebuilt from it
    authConfig: { activeDirectoryAuth: 'Enabled', passwordAuth: 'Disabled' }
    administrators: concat([app], people)
    delegatedSubnetResourceId: empty(subnetId) ? null : subnetId
    privateDnsZoneArmResourceId: zoneId
    publicNetworkAccess: empty(subnetId) ? 'Enabled' : 'Disabled'
    // 0.0.0.0 is how the service spells "from within Azure".
    firewallRules: empty(subnetId) ? [{ name: 'azure', startIpAddress: '0.0.0.0', endIpAddress: '0.0.0.0' }] : []
    databases: [{ name: databaseName, charset: 'UTF8', collation: 'C' }] // byte order: names sort as the code sorts them
    configurations: parameters
    diagnosticSettings: [{ workspaceResourceId: workspaceId }]
    enableAdvancedThreatProtection: false
    serverThreatProtection: 'Disabled'
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Name of the server.')
output name string = server.outputs.name

@description('Resource id of the server.')
output resourceId string = server.outputs.resourceId

@description('Connections that the server takes.')
output connections int = bought.connections

@description('libpq URL for whoever signs in with a token: no password is in it.')
output url string = 'postgresql://${app.principalName}@${server.outputs.?fqdn}:5432/${databaseName}?sslmode=require'

// =========== //
// Definitions //
// =========== //

@export()
@description('How much server to buy.')
type catalogueSizeType = 'tiny' | 'small' | 'medium' | 'large' | 'huge'

@export()
@description('An identity or a group that administers the server.')
type administratorType = {
  @description('Required. Object id.')
  objectId: string

  @description('Required. Its name: of an identity the identity\'s, of a group the display name. It becomes the role\'s name.')
  principalName: string

  @description('Required. What it is.')
  principalType: 'Group' | 'ServicePrincipal'
}
