metadata name = 'Sizes'
metadata description = '''Everything that differs between kinds of environments, under one word. Definitions, no resource.

Owns: the numbers.
Does not own: the sizes of the catalogue's server, which go by the number of files (catalogue.bicep).'''

@export()
@description('A kind of environment.')
type sizeType = 'dev' | 'prod'

// width: activities of one run side by side. An instance takes maxConcurrentActivityFunctions of host.json, so 16 are four instances for one run, and
// instancesMost bounds all runs together. Ten connections to the catalogue for each instance have to be there: tests/contract/test_bicep.py.
@export()
@description('What is bought for each kind.')
var sizes = {
  dev: {
    catalogueSize: 'tiny'
    catalogueBackupDays: 7
    zoneRedundant: false
    privateNetwork: false
    vaultRedundancy: 'Standard_LRS'
    vaultLocked: false
    hostRedundancy: 'Standard_LRS'
    softDeleteDays: 7
    purgeProtection: false
    instanceMemoryMb: 2048
    instancesMost: 10
    instancesReady: 0
    width: 4
    logDays: 30
    logDailyGb: '1'
  }
  prod: {
    catalogueSize: 'medium'
    catalogueBackupDays: 14
    zoneRedundant: true
    privateNetwork: true
    vaultRedundancy: 'Standard_ZRS'
    vaultLocked: true
    hostRedundancy: 'Standard_ZRS'
    softDeleteDays: 30
    purgeProtection: true
    instanceMemoryMb: 2048
    instancesMost: 100
    instancesReady: 1
    width: 16
    logDays: 90
    logDailyGb: '10'
  }
}
