"""The closed loop: slots, executors, journaled actions and the nine stations of a trial's route."""
