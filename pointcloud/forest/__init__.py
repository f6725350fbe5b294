"""Trees from a survey: canopy, tops, crowns, change between surveys; stands, stem volume, growth and CO2."""
