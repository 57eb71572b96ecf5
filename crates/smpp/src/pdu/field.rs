//! The fields' longest forms (with NUL) and the status for each (SMPP 3.4 §4 and §5.1.3).

use rusmpp::CommandStatus;

use super::read::Field;

pub(super) const SYSTEM_ID: Field = Field::new("system_id", 16, CommandStatus::EsmeRinvsysid);
pub(super) const PASSWORD: Field = Field::new("password", 9, CommandStatus::EsmeRinvpaswd);
pub(super) const SYSTEM_TYPE: Field = Field::new("system_type", 13, CommandStatus::EsmeRinvsystyp);
/// No status of its own: "other attribute that may cause a bind failure" (5.0 §4.7.6).
pub(super) const ADDRESS_RANGE: Field =
    Field::new("address_range", 41, CommandStatus::EsmeRbindfail);
pub(super) const SERVICE_TYPE: Field = Field::new("service_type", 6, CommandStatus::EsmeRinvsertyp);
pub(super) const SOURCE: Field = Field::new("source_addr", 21, CommandStatus::EsmeRinvsrcadr);
pub(super) const DESTINATION: Field =
    Field::new("destination_addr", 21, CommandStatus::EsmeRinvdstadr);
/// Addresses of `data_sm` and `alert_notification` are longer.
pub(super) const LONG_SOURCE: Field = Field::new("source_addr", 65, CommandStatus::EsmeRinvsrcadr);
pub(super) const LONG_DESTINATION: Field =
    Field::new("destination_addr", 65, CommandStatus::EsmeRinvdstadr);
pub(super) const DL_NAME: Field = Field::new("dl_name", 21, CommandStatus::EsmeRinvdlname);
pub(super) const SCHEDULE: Field =
    Field::new("schedule_delivery_time", 17, CommandStatus::EsmeRinvsched);
pub(super) const VALIDITY: Field = Field::new("validity_period", 17, CommandStatus::EsmeRinvexpiry);
pub(super) const FINAL_DATE: Field = Field::new("final_date", 17, CommandStatus::EsmeRinvexpiry);
pub(super) const MESSAGE_ID: Field = Field::new("message_id", 65, CommandStatus::EsmeRinvmsgid);
/// `sm_length` is one octet.
pub(super) const SHORT_MESSAGE: Field =
    Field::new("short_message", 255, CommandStatus::EsmeRinvmsglen);
