"""How fast and how big: ratios measured in one run, so that they hold on any machine."""
