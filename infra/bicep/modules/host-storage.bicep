metadata name = 'Host storage'
metadata description = '''What the Functions host needs to run: leases of timers, the task hub of orchestrations, and the deployed package.

Owns: the account (AzureWebJobsStorage), the container of the package, its private endpoints.
Does not own: anything that is worth keeping. Delete it, deploy again, and runs go on from the catalogue.

Durable Functions polls queues here all day. With the account's general price for queue operations that is a few dollars a month for each always-ready instance.'''

import { placeType, endpointsOf } from 'endpoint.bicep'

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Copies that are kept: in one building, or in three zones of the region.')
param redundancy 'Standard_LRS' | 'Standard_ZRS'

@description('Required. Where the private endpoints go.')
param place placeType

@description('Required. Log Analytics workspace that receives metrics.')
param workspaceId string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Variables //
// ========= //

var packages = 'packages'

// ========= //
// Resources //
// ========= //

module account 'br/public:avm/res/storage/storage-account:0.33.0' = {
  name: '${deployment().name}-account'
  params: {
    name: 'afbhost${token}'
    location: location
    tags: tags
    kind: 'StorageV2'
    skuName: redundancy
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    publicNetworkAccess: empty(place.subnetId) ? 'Enabled' : 'Disabled'
    networkAcls: { bypass: 'None', defaultAction: empty(place.subnetId) ? 'Allow' : 'Deny' }
    privateEndpoints: endpointsOf(place, ['blob', 'queue', 'table'])
    blobServices: {
      deleteRetentionPolicyEnabled: false
      containerDeleteRetentionPolicyEnabled: false
      containers: [{ name: packages }]
    }
    diagnosticSettings: [{ workspaceResourceId: workspaceId }]
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Name of the account.')
output name string = account.outputs.name

@description('Blob endpoint.')
output blobUrl string = 'https://${account.outputs.name}.blob.${environment().suffixes.storage}'

@description('Queue endpoint.')
output queueUrl string = 'https://${account.outputs.name}.queue.${environment().suffixes.storage}'

@description('Table endpoint.')
output tableUrl string = 'https://${account.outputs.name}.table.${environment().suffixes.storage}'

@description('Address of the container that packages are deployed to.')
output packagesUrl string = 'https://${account.outputs.name}.blob.${environment().suffixes.storage}/${packages}'
