metadata name = 'Role for the key'
metadata description = '''The one role that has to be there before what it is for: storage cannot be made with a key that it may not read.

Owns: that role assignment.
Does not own: all others (roles.bicep).'''

// ========== //
// Parameters //
// ========== //

@description('Required. Name of the Key Vault.')
param keyVaultName string

@description('Required. Object id of the identity that reads the key.')
param principalId string

// ========= //
// Variables //
// ========= //

var keyVaultCryptoServiceEncryptionUser = 'e147488a-f6f5-4113-8e2d-b22465e65bf6'

// ========= //
// Resources //
// ========= //

resource keyVault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource encryptionReadsKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(keyVault.id, principalId, keyVaultCryptoServiceEncryptionUser)
  scope: keyVault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultCryptoServiceEncryptionUser)
  }
}
