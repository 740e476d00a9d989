"""The one-machine stack: an Azure Files emulator, a Functions host, a launcher and the demo. The app does not know it."""
