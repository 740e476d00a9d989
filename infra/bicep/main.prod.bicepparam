// An environment that is relied on, without azd: az deployment sub create --location westeurope --parameters infra/bicep/main.prod.bicepparam
// Copy it and put in your own addresses; what is left out keeps the default of main.bicep.
using 'main.bicep'

param environmentName = 'prod'
param location = 'westeurope'
param size = 'prod'
param catalogueSize = 'medium'
param contentTier = 'cool'
param entraClientId = readEnvironmentVariable('AFB_ENTRA_CLIENT_ID', '')
param firstAdmin = readEnvironmentVariable('AFB_FIRST_ADMIN', '')
param alertRecipients = ['backup-team@example.com']
param monthlyBudget = 1500
param tags = { purpose: 'production' }
