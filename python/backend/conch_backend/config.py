"""What `auto_complete_config` works with: the one text of it lies in auto_complete.py, which also runs by itself."""

import importlib.util
import os

_path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "auto_complete.py")
_spec = importlib.util.spec_from_file_location("conch_backend.auto_complete", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

ModelConfig = _module.ModelConfig
get_input_config_by_name = _module.get_input_config_by_name
get_output_config_by_name = _module.get_output_config_by_name
using_decoupled_model_transaction_policy = _module.using_decoupled_model_transaction_policy
