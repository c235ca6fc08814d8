import java.util.zip.CRC32;
import java.util.zip.ZipFile;

/** Reads every entry of the given zips, and fails unless its size and its checksum are those that its header says. */
class ReadZips {
    public static void main(String[] paths) throws Exception {
        for (String path : paths) {
            try (ZipFile zip = new ZipFile(path)) {
                for (var entry : java.util.Collections.list(zip.entries())) {
                    byte[] content = zip.getInputStream(entry).readAllBytes();
                    CRC32 crc = new CRC32();
                    crc.update(content);
                    if (crc.getValue() != entry.getCrc() || content.length != entry.getSize()) {
                        throw new IllegalStateException(path + ": " + entry.getName());
                    }
                }
            }
        }
    }
}
