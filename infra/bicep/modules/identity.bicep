metadata name = 'Identity'
metadata description = '''The identities that the product acts as.

Owns: the app's user-assigned identity, and the one by which storage reads the customer's key, if there is one.
Does not own: what they may do (roles.bicep, key-role.bicep, ../source.bicep), or the app that uses one (functions.bicep).

The app has one identity for everything. Backup and restore are the same program, so two identities in it would keep nothing apart; what keeps
them apart is which roles are given on which accounts.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. Whether there is an identity for a customer-managed key.')
param forCustomerKey bool

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Resources //
// ========= //

module app 'br/public:avm/res/managed-identity/user-assigned-identity:0.6.0' = {
  name: '${deployment().name}-app'
  params: {
    name: 'id-afb-${token}'
    location: location
    tags: tags
    enableTelemetry: false
  }
}

module encryption 'br/public:avm/res/managed-identity/user-assigned-identity:0.6.0' = if (forCustomerKey) {
  name: '${deployment().name}-encryption'
  params: {
    name: 'id-afb-key-${token}'
    location: location
    tags: tags
    enableTelemetry: false
  }
}

// ======= //
// Outputs //
// ======= //

@description('Resource id of the app\'s identity.')
output resourceId string = app.outputs.resourceId

@description('Name of the app\'s identity, which is its role in the catalogue too.')
output name string = app.outputs.name

@description('Client id of the app\'s identity: which one of a machine\'s identities a program asks for.')
output clientId string = app.outputs.clientId

@description('Object id of the app\'s identity: whom roles are given to.')
output principalId string = app.outputs.principalId

@description('Resource id of the identity that reads the key; empty without one.')
output encryptionResourceId string = forCustomerKey ? encryption!.outputs.resourceId : ''

@description('Object id of the identity that reads the key; empty without one.')
output encryptionPrincipalId string = forCustomerKey ? encryption!.outputs.principalId : ''
