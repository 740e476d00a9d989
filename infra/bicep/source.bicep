metadata name = 'Source'
metadata description = '''What the app may do on one storage account whose shares are backed up.

Owns: the role assignments of the app's identity on that account, and the role that takes share snapshots.
Does not own: the account. It is deployed into the account's resource group, by whoever owns that, once for each account.

Backups read, from share snapshots that they take. Restores write, and so do drills to scratch shares of theirs; the right to write is given only
where somebody is to restore to.'''

// ========== //
// Parameters //
// ========== //

@description('Required. Name of the storage account.')
param accountName string

@description('Required. Object id of the app\'s identity: output AFB_IDENTITY_PRINCIPAL_ID of main.bicep.')
param principalId string

@description('Optional. Whether shares of this account may be restored to. Whoever administers the app can then overwrite them.')
param restore bool = false

// ========= //
// Variables //
// ========= //

var storageFileDataPrivilegedReader = 'b8eda974-7b85-4f76-af95-65846b26df6d'
var storageFileDataPrivilegedContributor = '69566ab7-960f-475b-8e7c-b3118f30c6bd'

// ========= //
// Resources //
// ========= //

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: accountName
}

// Share snapshots are made and deleted with the rights of the account's management, not of its data. The ready-made role that has them
// (Storage Account Contributor) can also read the account's keys.
resource snapshotTaker 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'afb-share-snapshots')
  properties: {
    roleName: 'Azure Files Backup: share snapshots (${resourceGroup().name} ${uniqueString(resourceGroup().id)})'
    description: 'Takes, lists and deletes share snapshots. The same right makes and deletes shares: Azure does not tell them apart.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.Storage/storageAccounts/fileServices/read'
          'Microsoft.Storage/storageAccounts/fileServices/shares/read'
          'Microsoft.Storage/storageAccounts/fileServices/shares/write'
          'Microsoft.Storage/storageAccounts/fileServices/shares/delete'
        ]
      }
    ]
  }
}

resource appReadsShares 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, storageFileDataPrivilegedReader)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageFileDataPrivilegedReader)
  }
}

resource appRestoresToShares 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (restore) {
  name: guid(account.id, principalId, storageFileDataPrivilegedContributor)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageFileDataPrivilegedContributor)
  }
}

resource appTakesSnapshots 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, snapshotTaker.id)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: snapshotTaker.id
  }
}
