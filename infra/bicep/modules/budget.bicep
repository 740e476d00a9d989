metadata name = 'Budget'
metadata description = '''Says when the month gets dearer than it was meant to be.

Owns: one budget for the resource group.
Does not own: a limit. Nothing is switched off, so that no backup fails for the price of it.

The source accounts are not in this resource group, and what listing and reading them costs is on their bill.'''

// ========== //
// Parameters //
// ========== //

@description('Required. Dollars, euros, ... a month, in the currency of the bill.')
@minValue(1)
param amount int

@description('Required. Who is told at 80 %, 100 % and 150 %. At least one address.')
@minLength(1)
param recipients string[]

// ========= //
// Resources //
// ========= //

module budget 'br/public:avm/res/consumption/budget/rg-scope:0.1.0' = {
  name: '${deployment().name}-budget'
  params: {
    name: 'afb'
    amount: amount
    thresholds: [80, 100, 150]
    contactEmails: recipients
    enableTelemetry: false
  }
}
