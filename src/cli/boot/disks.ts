/**
 * `--disk FILE[,ro]`: images for the board's block devices, read whole. The guest writes to a copy in memory; with
 * `--disk-write-back` what it left is written to the file when the run is over, whatever its outcome.
 */
import { failure, success, type Problem, type Result } from "../../base/result.ts";
import type { DiskConfig, Machine } from "../../machine/types.ts";
import { readBytes, writeProblem, writeWhole } from "../files.ts";

const READ_ONLY = ",ro";
const SECTOR_BYTES = 512;

export interface DiskFile {
  readonly file: string;
  readonly disk: DiskConfig;
}

function openDisk(option: string, writeBack: boolean): Result<DiskFile> {
  const readOnly = option.endsWith(READ_ONLY);
  const file = readOnly ? option.slice(0, -READ_ONLY.length) : option;
  const bytes = readBytes(file, "the disk image");
  if (!bytes.ok) return bytes;
  const { length } = bytes.value;
  if (length === 0 || length % SECTOR_BYTES !== 0) {
    return failure({
      message: `the disk image ${file} has ${length} bytes, no whole number of ${SECTOR_BYTES}-byte sectors`,
      hint: "Extend it, for example with truncate -s 64M.",
    });
  }
  const problem = writeBack && !readOnly ? writeProblem(file) : null;
  return problem ? failure(problem) : success({ file, disk: { bytes: bytes.value, readOnly } });
}

export function openDisks(options: readonly string[], writeBack: boolean): Result<DiskFile[]> {
  if (writeBack && options.every((option) => option.endsWith(READ_ONLY))) {
    return failure({
      message: "--disk-write-back, but there is no disk that can be written",
      hint: "Give --disk FILE without ,ro.",
    });
  }
  const disks: DiskFile[] = [];
  const problems: Problem[] = [];
  for (const option of options) {
    const disk = openDisk(option, writeBack);
    if (disk.ok) disks.push(disk.value);
    else problems.push(...disk.problems);
  }
  return problems.length > 0 ? failure(...problems) : success(disks);
}

/** Writes the disks that the guest changed. */
export function writeBackDisks(machine: Machine, disks: readonly DiskFile[]): Problem[] {
  return disks.flatMap(({ file, disk }, index) => {
    if (disk.readOnly) return [];
    const now = machine.readDisk(index);
    return Buffer.compare(now, disk.bytes) === 0 ? [] : (writeWhole(file, now) ?? []);
  });
}
