metadata name = 'Functions'
metadata description = '''The app: its plan, its settings, how far it scales, who stands at its door.

Owns: the plan, the app, its settings, App Service authentication.
Does not own: the code (azd deploys it), the identity (identity.bicep), or any right (roles.bicep).

Flex Consumption scales by group: pages and API are one, all that is Durable is another, and each timer is one. An instance runs one Python process.'''

// ========== //
// Parameters //
// ========== //

@description('Required. End of the names of these resources: letters and digits, the same for everything of an environment.')
param token string

@description('Required. Region.')
param location string

@description('Required. How far it scales.')
param scale scaleType

@description('Required. Identity of the app.')
param identity identityType

@description('Required. Addresses of what the app reaches.')
param addresses addressesType

@description('Required. Subnet of its instances; empty: no private network.')
param subnetId string

@description('Required. Address ranges that may open pages and API, such as 203.0.113.0/24; none: everybody may knock, and has to sign in.')
param allowedRanges string[]

@description('Optional. Whose people sign in, and how. Without it nobody can; only API keys are taken.')
param signIn signInType?

@description('Required. Activities of one run side by side, over all instances: AFB_WIDTH.')
@minValue(1)
@maxValue(100)
param width int

@description('Required. Tier that saved content is written in; manifests and all else that is read often stay hot: AFB_VAULT_CONTENT_TIER.')
param contentTier 'hot' | 'cool' | 'cold'

@description('Required. Address that people open, if it is not the app\'s own: https://backup.example.com.')
param publicOrigin string

@description('Required. Names of settings whose values are secrets in the Key Vault, such as AFB_SMTP_URL or AFB_CREDENTIAL_CONTOSO.')
param secretSettings string[]

@description('Required. Name of that Key Vault.')
param keyVaultName string

@description('Required. Other settings of the app by name, for what has no parameter here.')
param moreSettings object

@description('Required. Tags, passed to every resource.')
param tags object

// ========= //
// Variables //
// ========= //

var appName = 'func-afb-${token}'

// Every AFB_... here is one of shared/settings.py, held to it by a test. What is not here keeps its default or comes with moreSettings.
var settings = {
  AFB_POSTGRES_URL: addresses.catalogueUrl
  AFB_POSTGRES_ENTRA: 'true'
  AFB_MIGRATE: 'auto'
  AFB_VAULT_ACCOUNT_URL: addresses.vaultUrl
  AFB_VAULT_CONTENT_TIER: contentTier
  AFB_JOURNAL_ACCOUNT_URL: addresses.journalUrl
  AFB_WIDTH: string(width)
  AFB_PUBLIC_ORIGIN: publicOrigin
  // The identity that DefaultAzureCredential takes: a machine may have several.
  AZURE_CLIENT_ID: identity.clientId
}
var signInSettings = signIn == null
  ? { AFB_ENTRA_SIGN_IN: 'false' }
  : {
      AFB_ENTRA_SIGN_IN: 'true'
      AFB_ENTRA_TENANT_ID: signIn!.tenantId
      AFB_FIRST_ADMIN: signIn!.firstAdmin
      // In place of a secret of the registration: the app's identity vouches for it.
      OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identity.clientId
    }
var hostSettings = {
  AzureWebJobsStorage__blobServiceUri: addresses.hostBlobUrl
  AzureWebJobsStorage__queueServiceUri: addresses.hostQueueUrl
  AzureWebJobsStorage__tableServiceUri: addresses.hostTableUrl
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.clientId
  AzureWebJobsDisableHomepage: 'true' // the first page is ours
  PYTHON_THREADPOOL_THREAD_COUNT: '6' // activities and orchestrators at once, in host.json
  APPLICATIONINSIGHTS_CONNECTION_STRING: addresses.insights
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.clientId};Authorization=AAD'
}
var schedulerSettings = empty(addresses.scheduler) ? {} : { DURABLE_TASK_SCHEDULER_CONNECTION_STRING: addresses.scheduler }
// AFB_SMTP_URL is the secret afb-smtp-url: names in a Key Vault have no underscores.
var references = toObject(
  secretSettings,
  name => name,
  name => '@Microsoft.KeyVault(VaultName=${keyVaultName};SecretName=${toLower(replace(name, '_', '-'))})'
)

// ========= //
// Resources //
// ========= //

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-afb-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.resourceId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.resourceId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: { name: 'python', version: '3.12' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: addresses.packagesUrl
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.resourceId }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.memoryMb
        maximumInstanceCount: scale.most
        alwaysReady: scale.alwaysReady == 0
          ? []
          : [{ name: 'durable', instanceCount: scale.alwaysReady }, { name: 'http', instanceCount: scale.alwaysReady }]
        // A request takes a connection of ten (shared/wiring.py), most of them for milliseconds. host.json has the concurrency of activities.
        triggers: { http: { perInstanceConcurrency: 16 } }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
      ipSecurityRestrictionsDefaultAction: empty(allowedRanges) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: [for (range, index) in allowedRanges: { name: 'range${index}', action: 'Allow', ipAddress: range, priority: 100 + index }]
    }
  }

  // Only who has a role deploys: no user names and passwords for that.
  resource packagesByPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource filesByPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(moreSettings, references, hostSettings, schedulerSettings, settings, signInSettings)
  }

  // docs/SECURITY.md: who has no session is let through, because programs come with keys of ours; the app says 401 to whoever is nobody.
  resource authentication 'config' = {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: signIn != null }
      globalValidation: { requireAuthentication: false, unauthenticatedClientAction: 'AllowAnonymous' }
      httpSettings: { requireHttps: true }
      login: { tokenStore: { enabled: false } }
      identityProviders: {
        azureActiveDirectory: signIn == null
          ? { enabled: false }
          : {
              enabled: true
              registration: {
                clientId: signIn!.clientId
                openIdIssuer: '${environment().authentication.loginEndpoint}${signIn!.tenantId}/v2.0'
                clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
              }
              validation: { allowedAudiences: [signIn!.clientId, 'api://${signIn!.clientId}'] }
            }
      }
    }
    dependsOn: [appSettings]
  }
}

// ======= //
// Outputs //
// ======= //

@description('Name of the app.')
output name string = app.name

@description('Address of the app.')
output url string = 'https://${app.properties.defaultHostName}'

// =========== //
// Definitions //
// =========== //

@export()
@description('How far the app scales.')
type scaleType = {
  @description('Required. Memory of an instance: 2,048 MB is one core, 4,096 two.')
  memoryMb: 2048 | 4096

  @description('Required. Most instances. Ten connections to the catalogue for each; 250 cores for all apps of a subscription in a region, until Microsoft raises it.')
  most: int

  @description('Required. Instances that are never let go, of what is Durable and of the pages each. 0: the first page after a while takes seconds.')
  alwaysReady: int
}

@export()
@description('The identity of the app.')
type identityType = {
  @description('Required. Resource id.')
  resourceId: string

  @description('Required. Client id.')
  clientId: string
}

@export()
@description('Addresses of what the app reaches.')
type addressesType = {
  @description('Required. libpq URL of the catalogue.')
  catalogueUrl: string

  @description('Required. Blob endpoint of the vault.')
  vaultUrl: string

  @description('Required. Table endpoint of the journal.')
  journalUrl: string

  @description('Required. Blob endpoint of the host\'s account.')
  hostBlobUrl: string

  @description('Required. Queue endpoint of the host\'s account.')
  hostQueueUrl: string

  @description('Required. Table endpoint of the host\'s account.')
  hostTableUrl: string

  @description('Required. Container of packages.')
  packagesUrl: string

  @description('Required. Connection string of Application Insights.')
  insights: string

  @description('Required. Connection string of the Durable Task Scheduler; empty without one.')
  scheduler: string
}

@export()
@description('App Service authentication.')
type signInType = {
  @description('Required. Client id of the app registration.')
  clientId: string

  @description('Required. Entra tenant of the people.')
  tenantId: string

  @description('Required. Object id of the first platform admin, a person or a group; empty: none.')
  firstAdmin: string
}
