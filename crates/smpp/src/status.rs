//! Names of `command_status` values (SMPP 3.4 §5.1.3, 5.0 §4.7.6).

use rusmpp::CommandStatus;
