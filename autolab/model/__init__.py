"""The ground floor: spaces, objectives, trials, contracts, errors and clocks. It imports no other room."""
