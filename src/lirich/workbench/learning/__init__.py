"""What many curves of a workspace teach: map, completion, factors, forecast, unlike cells, drivers."""
