"""The composition root: builds every part, opens the nested nurseries, drains them in order."""
