// Extension numbers and error codes of the RISC-V Supervisor Binary Interface 2.0.

export const SBI_VERSION_MAJOR = 2;
export const SBI_VERSION_MINOR = 0;

export const enum EXT {
  LEGACY_SET_TIMER = 0,
  LEGACY_PUTCHAR = 1,
  LEGACY_GETCHAR = 2,
  LEGACY_CLEAR_IPI = 3,
  LEGACY_SEND_IPI = 4,
  LEGACY_FENCE_I = 5,
  LEGACY_SFENCE_VMA = 6,
  LEGACY_SFENCE_VMA_ASID = 7,
  LEGACY_SHUTDOWN = 8,
  BASE = 0x10,
  TIME = 0x5449_4d45,
  IPI = 0x73_5049,
  RFENCE = 0x5246_4e43,
  HSM = 0x48_534d,
  SRST = 0x5352_5354,
  DBCN = 0x4442_434e,
}

export const enum SBI_ERR {
  FAILED = -1,
  NOT_SUPPORTED = -2,
  INVALID_PARAM = -3,
  DENIED = -4,
  INVALID_ADDRESS = -5,
  ALREADY_AVAILABLE = -6,
}
