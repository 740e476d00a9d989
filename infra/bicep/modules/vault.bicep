metadata name = 'Vault'
metadata description = '''The storage account that everything saved is in.

Owns: the account, what it keeps of what is deleted, immutability, the key it is encrypted with, its private endpoint, its lock.
Does not own: containers. The app makes one for each tenant, when the tenant is made.

Two things protect what is saved from whoever gets hold of the app: what is deleted stays as a deleted version for some weeks, and, if asked for,
nothing can be deleted at all before it has come of age. There is no rule here that moves objects to a cooler tier. A rule picks objects by how their
names begin, names begin with a tenant's and a share's id, and what may grow cold (bundles, chunks) comes after that; so the app says the tier of
an object when it writes it (AFB_VAULT_CONTENT_TIER in functions.bicep), and what is read all the time stays hot.'''

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

@description('Required. Days that deleted objects and containers can be brought back, 1 to 365.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Required. Days that an object can be neither changed nor deleted, by anybody; 0: no such policy. It can be set when the account is made and not later.')
@minValue(0)
@maxValue(146000)
param immutableDays int

@description('Optional. Key to encrypt with. Without it: one of Microsoft\'s.')
param customerKey customerKeyType?

@description('Required. Whether deleting the account takes removing a lock first.')
param locked bool

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
    name: 'afbvault${token}'
    location: location
    tags: tags
    kind: 'StorageV2'
    skuName: redundancy
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    publicNetworkAccess: empty(place.subnetId) ? 'Enabled' : 'Disabled'
    networkAcls: { bypass: 'None', defaultAction: empty(place.subnetId) ? 'Allow' : 'Deny' }
    privateEndpoints: endpointsOf(place, ['blob'])
    managedIdentities: customerKey == null ? null : { userAssignedResourceIds: [customerKey!.identityId] }
    customerManagedKey: customerKey == null
      ? null
      : {
          keyVaultResourceId: customerKey!.keyVaultId
          keyName: customerKey!.keyName
          userAssignedIdentityResourceId: customerKey!.identityId
        }
    immutableStorageWithVersioning: immutableDays == 0
      ? null
      : {
          enabled: true
          immutabilityPolicy: {
            immutabilityPeriodSinceCreationInDays: immutableDays
            allowProtectedAppendWrites: false
            // Whoever owns the account can shorten it until it is locked. Locking cannot be undone, so a person does that: docs/DEPLOY.md.
            state: 'Unlocked'
          }
        }
    blobServices: {
      isVersioningEnabled: true
      deleteRetentionPolicyEnabled: true
      deleteRetentionPolicyDays: softDeleteDays
      containerDeleteRetentionPolicyEnabled: true
      containerDeleteRetentionPolicyDays: softDeleteDays
    }
    // Objects are written once, so a version is something that was deleted. Its age counts from when it was written; this rule
    // turns it into a deleted version within days, and from then on it can be brought back for softDeleteDays.
    managementPolicyRules: [
      {
        name: 'deleted-versions'
        type: 'Lifecycle'
        enabled: true
        definition: {
          filters: { blobTypes: ['blockBlob'] }
          actions: { version: { delete: { daysAfterCreationGreaterThan: 1 } } }
        }
      }
    ]
    lock: locked ? { kind: 'CanNotDelete', notes: 'All backups are in here.' } : null
    diagnosticSettings: [{ workspaceResourceId: workspaceId }]
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Name of the account.')
output name string = account.outputs.name

@description('Resource id of the account.')
output resourceId string = account.outputs.resourceId

@description('Blob endpoint, without a slash at its end.')
output blobUrl string = 'https://${account.outputs.name}.blob.${environment().suffixes.storage}'

// =========== //
// Definitions //
// =========== //

@export()
@description('A customer-managed key.')
type customerKeyType = {
  @description('Required. Resource id of the Key Vault that it is in.')
  keyVaultId: string

  @description('Required. Name of the key. Its newest version is used.')
  keyName: string

  @description('Required. Resource id of the identity that storage reads it as.')
  identityId: string
}
