metadata name = 'Roles'
metadata description = '''All that the app may do to what is deployed here: every role assignment, least first.

Owns: the role assignments of the app's identity on resources of this deployment, and the role that adds to the audit.
Does not own: the role for the customer's key, which has to be there earlier (key-role.bicep); roles on the accounts that are backed up, which are
somebody else's (../source.bicep); rights inside the catalogue, where the app is administrator (catalogue.bicep).

docs/DEPLOY.md has the same as a table; a test compares them.'''

// ========== //
// Parameters //
// ========== //

@description('Required. Object id of the app\'s identity.')
param principalId string

@description('Required. Name of the vault\'s storage account.')
param vaultAccountName string

@description('Required. Name of the journal\'s storage account.')
param journalAccountName string

@description('Required. Name of the host\'s storage account.')
param hostAccountName string

@description('Required. Name of the Key Vault.')
param keyVaultName string

@description('Required. Name of Application Insights.')
param insightsName string

@description('Required. Name of the Durable Task Scheduler; empty without one.')
param schedulerName string

// ========= //
// Variables //
// ========= //

var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var storageQueueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var durableTaskDataContributor = '0ad04412-c4d5-4796-b79c-f76d14c8d402'

// ================== //
// Existing resources //
// ================== //

resource vault 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: vaultAccountName
}

resource journal 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: journalAccountName

  resource tables 'tableServices' existing = {
    name: 'default'

    resource journalTable 'tables' existing = {
      name: 'journal'
    }

    resource auditTable 'tables' existing = {
      name: 'audit'
    }
  }
}

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: hostAccountName
}

resource keyVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource scheduler 'Microsoft.DurableTask/schedulers@2025-11-01' existing = if (!empty(schedulerName)) {
  name: schedulerName
}

// ===== //
// Roles //
// ===== //

// docs/SECURITY.md: rows are added and read, never changed or deleted. tables/write is asked for when the app makes sure that its table is there.
resource auditAppender 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'afb-audit-appender')
  properties: {
    // Unlike any other name of the directory.
    roleName: 'Azure Files Backup: audit appender (${resourceGroup().name} ${uniqueString(resourceGroup().id)})'
    description: 'Adds rows to the audit and reads them; changes and deletes none.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: [
          'Microsoft.Storage/storageAccounts/tableServices/tables/read'
          'Microsoft.Storage/storageAccounts/tableServices/tables/write'
        ]
        dataActions: [
          'Microsoft.Storage/storageAccounts/tableServices/tables/entities/read'
          'Microsoft.Storage/storageAccounts/tableServices/tables/entities/add/action'
        ]
      }
    ]
  }
}

// =========== //
// Assignments //
// =========== //

resource appWritesVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, storageBlobDataContributor)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
  }
}

resource appWritesJournal 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(journal::tables::journalTable.id, principalId, storageTableDataContributor)
  scope: journal::tables::journalTable
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
  }
}

resource appAddsToAudit 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(journal::tables::auditTable.id, principalId, auditAppender.id)
  scope: journal::tables::auditTable
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: auditAppender.id
  }
}

// The host keeps leases as blobs' leases and wants to own them; the package is in the same account.
resource hostOwnsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, storageBlobDataOwner)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
  }
}

resource hostUsesQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, storageQueueDataContributor)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageQueueDataContributor)
  }
}

resource hostUsesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(host.id, principalId, storageTableDataContributor)
  scope: host
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
  }
}

resource appReadsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(keyVault.id, principalId, keyVaultSecretsUser)
  scope: keyVault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
  }
}

resource appSendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}

resource hostUsesScheduler 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(schedulerName)) {
  name: guid(scheduler.id, principalId, durableTaskDataContributor)
  scope: scheduler
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', durableTaskDataContributor)
  }
}
