targetScope = 'subscription'

metadata name = 'Azure Files Backup'
metadata description = '''The bill of materials: one resource group with all that the product runs on.

Owns: the resource group, what is in it by module, and what differs between environments.
Does not own: the accounts that are backed up (source.bicep gives the app its rights there), the app registration by which people sign in, secrets.

docs/DEPLOY.md says how to deploy it and what each part costs.'''

import { sizes, sizeType } from 'modules/sizes.bicep'
import { catalogueSizeType } from 'modules/catalogue.bicep'

// ========== //
// Parameters //
// ========== //

@description('Required. Name of the environment, 1 to 32 letters, digits and hyphens: part of the names of the resource group and of everything in it.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Required. Region, beside the accounts that are backed up: traffic between regions is charged and slow.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Optional. What kind of environment. dev may be thrown away; prod survives the loss of a zone, is reached from inside only, and keeps what was deleted for a month.')
param size sizeType = 'dev'

@description('Optional. How large a catalogue. Empty: what the kind of environment says.')
param catalogueSize catalogueSizeType | '' = ''

@description('Optional. Whether data is reached through a private network only. Empty: what the kind of environment says.')
param privateNetwork 'yes' | 'no' | '' = ''

@description('Optional. Address space of that network, a /16 to /23.')
param addressSpace string = '10.211.0.0/22'

@description('Optional. Address ranges that may open pages and API, such as 203.0.113.0/24. None: everybody may knock, and has to sign in.')
param allowedRanges string[] = []

@description('Optional. Client id of the app registration by which people sign in. Empty: nobody can.')
param entraClientId string = ''

@description('Optional. Object id of the first platform admin, a person or a group.')
param firstAdmin string = ''

@description('Optional. Address that people open, if it is not the app\'s own: https://backup.example.com.')
param publicOrigin string = ''

@description('Optional. A group of people who may look into the catalogue, for emergencies: its object id. Empty: none.')
param catalogueAdminsId string = ''

@description('Optional. Display name of that group.')
param catalogueAdminsName string = ''

@description('Optional. Where orchestrations are kept. The scheduler needs another host.json: docs/DEPLOY.md.')
param durableTask 'storage' | 'scheduler-consumption' | 'scheduler-dedicated' = 'storage'

@description('Optional. Tier that saved content is written in. cool pays off when it is kept for a month or more, cold for three; reading it then costs.')
param contentTier 'hot' | 'cool' | 'cold' = 'hot'

@description('Optional. Copies of vault and journal: in one building, in three zones, or in another region as well. Empty: what the kind of environment says.')
param vaultRedundancy 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS' | 'Standard_RAGZRS' | '' = ''

@description('Optional. Days that nothing saved can be changed or deleted by anybody; 0: no such policy. When the vault is made, and not later.')
@minValue(0)
@maxValue(146000)
param immutableDays int = 0

@description('Optional. Whether the vault is encrypted with a key of its own in the Key Vault. When the vault is made; it brings purge protection, which stays.')
param customerKey bool = false

@description('Optional. Mail addresses that are told of failures of the platform and of the budget.')
param alertRecipients string[] = []

@description('Optional. What a month may cost before somebody is told, in the currency of the bill; 0: no budget.')
@minValue(0)
param monthlyBudget int = 0

@description('Optional. Names of the app\'s settings whose values are secrets in the Key Vault: AFB_SMTP_URL is looked for as afb-smtp-url.')
param secretSettings string[] = []

@description('Optional. Other settings of the app by name and value: docs/SETTINGS.md has them all.')
param moreSettings object = {}

@description('Optional. Tags, for every resource.')
param tags object = {}

// ========= //
// Variables //
// ========= //

var bought = sizes[size]
var isPrivate = empty(privateNetwork) ? bought.privateNetwork : privateNetwork == 'yes'
var token = uniqueString(subscription().id, environmentName, location)
var allTags = union({ product: 'azure-files-backup', environment: environmentName }, tags, { 'azd-env-name': environmentName })
var place = {
  subnetId: isPrivate ? network!.outputs.endpointSubnetId : ''
  zoneIds: isPrivate
    ? {
        blob: network!.outputs.blobZoneId
        queue: network!.outputs.queueZoneId
        table: network!.outputs.tableZoneId
        vault: network!.outputs.keyVaultZoneId
      }
    : {}
}

// ========= //
// Resources //
// ========= //

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-afb-${environmentName}'
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { token: token, location: location, forCustomerKey: customerKey, tags: allTags }
}

module network 'modules/network.bicep' = if (isPrivate) {
  name: 'network'
  scope: group
  params: { token: token, location: location, addressSpace: addressSpace, tags: allTags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: { token: token, location: location, retentionDays: bought.logDays, dailyGb: bought.logDailyGb, tags: allTags }
}

module keyVault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    token: token
    location: location
    withKey: customerKey
    purgeProtection: customerKey || bought.purgeProtection
    place: place
    workspaceId: monitoring.outputs.workspaceId
    tags: allTags
  }
}

module keyRole 'modules/key-role.bicep' = if (customerKey) {
  name: 'key-role'
  scope: group
  params: { keyVaultName: keyVault.outputs.name, principalId: identity.outputs.encryptionPrincipalId }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    token: token
    location: location
    redundancy: empty(vaultRedundancy) ? bought.vaultRedundancy : any(vaultRedundancy)
    softDeleteDays: bought.softDeleteDays
    immutableDays: immutableDays
    customerKey: customerKey
      ? { keyVaultId: keyVault.outputs.resourceId, keyName: keyVault.outputs.keyName, identityId: identity.outputs.encryptionResourceId }
      : null
    locked: bought.vaultLocked
    place: place
    workspaceId: monitoring.outputs.workspaceId
    tags: allTags
  }
  dependsOn: [keyRole]
}

module journal 'modules/journal.bicep' = {
  name: 'journal'
  scope: group
  params: {
    token: token
    location: location
    redundancy: empty(vaultRedundancy) ? bought.vaultRedundancy : any(vaultRedundancy)
    place: place
    workspaceId: monitoring.outputs.workspaceId
    tags: allTags
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    token: token
    location: location
    redundancy: bought.hostRedundancy
    place: place
    workspaceId: monitoring.outputs.workspaceId
    tags: allTags
  }
}

module catalogue 'modules/catalogue.bicep' = {
  name: 'catalogue'
  scope: group
  params: {
    token: token
    location: location
    size: empty(catalogueSize) ? bought.catalogueSize : any(catalogueSize)
    zoneRedundant: bought.zoneRedundant
    backupDays: bought.catalogueBackupDays
    app: { objectId: identity.outputs.principalId, principalName: identity.outputs.name, principalType: 'ServicePrincipal' }
    people: empty(catalogueAdminsId)
      ? []
      : [{ objectId: catalogueAdminsId, principalName: catalogueAdminsName, principalType: 'Group' }]
    subnetId: isPrivate ? network!.outputs.catalogueSubnetId : ''
    zoneId: isPrivate ? network!.outputs.catalogueZoneId : ''
    workspaceId: monitoring.outputs.workspaceId
    tags: allTags
  }
}

module scheduler 'modules/durable-task.bicep' = if (durableTask != 'storage') {
  name: 'durable-task'
  scope: group
  params: {
    token: token
    location: location
    plan: durableTask == 'scheduler-dedicated' ? 'Dedicated' : 'Consumption'
    allowedRanges: ['0.0.0.0/0']
    tags: allTags
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    vaultAccountName: vault.outputs.name
    journalAccountName: journal.outputs.name
    hostAccountName: hostStorage.outputs.name
    keyVaultName: keyVault.outputs.name
    insightsName: monitoring.outputs.insightsName
    schedulerName: durableTask == 'storage' ? '' : scheduler!.outputs.name
  }
}

module functions 'modules/functions.bicep' = {
  name: 'functions'
  scope: group
  params: {
    token: token
    location: location
    scale: { memoryMb: bought.instanceMemoryMb, most: bought.instancesMost, alwaysReady: bought.instancesReady }
    identity: { resourceId: identity.outputs.resourceId, clientId: identity.outputs.clientId }
    addresses: {
      catalogueUrl: catalogue.outputs.url
      vaultUrl: vault.outputs.blobUrl
      journalUrl: journal.outputs.tableUrl
      hostBlobUrl: hostStorage.outputs.blobUrl
      hostQueueUrl: hostStorage.outputs.queueUrl
      hostTableUrl: hostStorage.outputs.tableUrl
      packagesUrl: hostStorage.outputs.packagesUrl
      insights: monitoring.outputs.connectionString
      scheduler: durableTask == 'storage'
        ? ''
        : 'Endpoint=${scheduler!.outputs.endpoint};TaskHub=${scheduler!.outputs.taskHubName};Authentication=ManagedIdentity;ClientID=${identity.outputs.clientId}'
    }
    subnetId: isPrivate ? network!.outputs.appSubnetId : ''
    allowedRanges: allowedRanges
    signIn: empty(entraClientId) ? null : { clientId: entraClientId, tenantId: tenant().tenantId, firstAdmin: firstAdmin }
    width: bought.width
    contentTier: contentTier
    publicOrigin: publicOrigin
    secretSettings: secretSettings
    keyVaultName: keyVault.outputs.name
    moreSettings: moreSettings
    tags: allTags
  }
  dependsOn: [roles]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    token: token
    location: location
    recipients: alertRecipients
    workspaceId: monitoring.outputs.workspaceId
    catalogueId: catalogue.outputs.resourceId
    catalogueConnections: catalogue.outputs.connections
    vaultId: vault.outputs.resourceId
    tags: allTags
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0 && !empty(alertRecipients)) {
  name: 'budget'
  scope: group
  params: { amount: monthlyBudget, recipients: alertRecipients }
}

// ======= //
// Outputs //
// ======= //

@description('Resource group of everything.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Address of pages and API.')
output AFB_URL string = empty(publicOrigin) ? functions.outputs.url : publicOrigin

@description('Name of the app.')
output AFB_APP_NAME string = functions.outputs.name

@description('Name of the app\'s identity.')
output AFB_IDENTITY_NAME string = identity.outputs.name

@description('Client id of the app\'s identity, for workers elsewhere: infra/k8s asks for it.')
output AFB_IDENTITY_CLIENT_ID string = identity.outputs.clientId

@description('Object id of the app\'s identity: source.bicep asks for it.')
output AFB_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('Name of the Key Vault, for whoever puts secrets in.')
output AFB_KEY_VAULT_NAME string = keyVault.outputs.name

@description('Name of the vault\'s storage account.')
output AFB_VAULT_ACCOUNT_NAME string = vault.outputs.name
