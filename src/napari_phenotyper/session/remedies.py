"""What to do where a stage lacks the one before it, on the command line or in the window."""

SEGMENT = "Segment the plate: phenotyper segment PLATE, or the tab Segment of the window."
MEASURE = "Measure the plate: phenotyper measure PLATE, or the tab Segment of the window."
PREDICT = "Predict the plate: phenotyper predict PLATE, or keep a model in the window."
