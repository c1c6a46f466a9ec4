// Machine-mode CSR numbers and the bits of them that the firmware touches (RISC-V privileged manual).

export const MSTATUS = 0x300;
export const MEDELEG = 0x302;
export const MIDELEG = 0x303;
export const MIE = 0x304;
export const MTVEC = 0x305;
export const MCOUNTEREN = 0x306;
export const MSCRATCH = 0x340;
export const MEPC = 0x341;
export const MCAUSE = 0x342;
export const MTVAL = 0x343;
export const MIP = 0x344;
export const PMPCFG0 = 0x3a0;
export const PMPADDR0 = 0x3b0;
export const MVENDORID = 0xf11;
export const MARCHID = 0xf12;
export const MIMPID = 0xf13;
export const MHARTID = 0xf14;
export const MENVCFG = 0x30a;
export const MENVCFGH = 0x31a;
export const STVEC = 0x105;
export const SEPC = 0x141;
export const SCAUSE = 0x142;
export const STVAL = 0x143;
export const STIMECMP = 0x14d;
export const STIMECMPH = 0x15d;
export const SATP = 0x180;

export const MSTATUS_SIE = 1 << 1;
export const MSTATUS_MIE = 1 << 3;
export const MSTATUS_MPIE = 1 << 7;
export const MSTATUS_MPP = 3 << 11;
export const MSTATUS_MPP_S = 1 << 11;

/** Interrupt numbers are bit numbers of mip and mie; mcause carries them with bit 31 set. */
export const IRQ_S_SOFT = 1;
export const IRQ_M_SOFT = 3;
export const IRQ_S_TIMER = 5;
export const IRQ_M_TIMER = 7;
export const IRQ_S_EXTERNAL = 9;
export const CAUSE_INTERRUPT = 0x8000_0000;
export const CAUSE_ILLEGAL_INSTRUCTION = 2;
export const CAUSE_ECALL_S = 9;
