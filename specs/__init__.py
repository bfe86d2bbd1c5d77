"""The networks that ship with `cnndsl`, and the standard library `std`."""
