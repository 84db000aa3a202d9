/**
 * ONNX Runtime 1.30 for Node sends usage data home and leaves a log file in the temporary folder unless told not to, and
 * looks for that when it is first loaded. Imported before it, on the main thread: a worker's environment is a copy that
 * native code does not see. Whoever sets the variable decides.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
