metadata name = 'Journal'
metadata description = '''The tables that say what happened: of each run file by file, and who did what.

Owns: an account of its own, its two tables, its private endpoint.
Does not own: who may write (roles.bicep).

It is no part of the host's account, because the app may do anything there, and of the audit it may add rows and no more. Both tables are made here: the
app would make them too, but a role can only be given on a table that is there.'''

import { placeType, endpointsOf } from 'endpoint.bicep'

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Copies that are kept: in one building, in three zones of the region, or in three zones and in another region, which may be read from (RA) before Azure declares the first one lost.')
param redundancy 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS' | 'Standard_RAGZRS'

@description('Required. Where the private endpoint goes.')
param place placeType

@description('Required. Log Analytics workspace that receives metrics.')
param workspaceId string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Resources //
// ========= //

module account 'br/public:avm/res/storage/storage-account:0.33.0' = {
  name: '${deployment().name}-account'
  params: {
    name: 'afbjournal${token}'
    location: location
    tags: tags
    kind: 'StorageV2'
    skuName: redundancy
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    publicNetworkAccess: empty(place.subnetId) ? 'Enabled' : 'Disabled'
    networkAcls: { bypass: 'None', defaultAction: empty(place.subnetId) ? 'Allow' : 'Deny' }
    privateEndpoints: endpointsOf(place, ['table'])
    tableServices: { tables: [{ name: 'journal' }, { name: 'audit' }] }
    diagnosticSettings: [{ workspaceResourceId: workspaceId }]
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Name of the account.')
output name string = account.outputs.name

@description('Table endpoint, without a slash at its end.')
output tableUrl string = 'https://${account.outputs.name}.table.${environment().suffixes.storage}'
