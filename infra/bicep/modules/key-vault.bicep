metadata name = 'Key Vault'
metadata description = '''Secrets that have to be secrets, and the customer's key.

Owns: the Key Vault, its private endpoint, and the key that the vault's storage account is encrypted with, if that is asked for.
Does not own: the secrets. Nobody deploys them: whoever knows one puts it in, under the name that functions.bicep looks for.

An environment without mail, webhooks, download server and shares that are reached by key has no secret at all, and this stays empty.'''

import { placeType, endpointsOf } from 'endpoint.bicep'

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Whether to make a key for the vault. It is turned over once a year by itself.')
param withKey bool

@description('Required. Whether what is deleted stays restorable for 90 days whatever anybody says. A customer-managed key demands it. It cannot be taken back.')
param purgeProtection bool

@description('Required. Where the private endpoint goes.')
param place placeType

@description('Required. Log Analytics workspace that receives the log of who read which secret.')
param workspaceId string

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Resources //
// ========= //

module keyVault 'br/public:avm/res/key-vault/vault:0.14.0' = {
  name: '${deployment().name}-vault'
  params: {
    name: 'kv-afb-${token}'
    location: location
    tags: tags
    sku: 'standard'
    enableRbacAuthorization: true
    enableVaultForDeployment: false
    enableVaultForDiskEncryption: false
    enableVaultForTemplateDeployment: false
    enablePurgeProtection: purgeProtection
    softDeleteRetentionInDays: purgeProtection ? 90 : 7
    publicNetworkAccess: empty(place.subnetId) ? 'Enabled' : 'Disabled'
    // Storage reads the key as a trusted service; that is let in also where the network is closed.
    networkAcls: { bypass: 'AzureServices', defaultAction: empty(place.subnetId) ? 'Allow' : 'Deny' }
    privateEndpoints: endpointsOf(place, ['vault'])
    keys: withKey
      ? [
          {
            name: 'vault'
            kty: 'RSA'
            keySize: 3072
            keyOps: ['wrapKey', 'unwrapKey']
            rotationPolicy: {
              attributes: { expiryTime: 'P2Y' }
              lifetimeActions: [{ action: { type: 'rotate' }, trigger: { timeAfterCreate: 'P1Y' } }]
            }
          }
        ]
      : []
    diagnosticSettings: [{ workspaceResourceId: workspaceId }]
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Name of the Key Vault.')
output name string = keyVault.outputs.name

@description('Resource id of the Key Vault.')
output resourceId string = keyVault.outputs.resourceId

@description('Name of the key of the vault\'s storage account.')
output keyName string = 'vault'
