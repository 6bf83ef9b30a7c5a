"""HTTP doors: one router a layer, one body reader, one error handler."""
