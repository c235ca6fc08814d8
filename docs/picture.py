"""Draws docs/comment.png: the comment of a failed run in docs/feedback.md, as a page that renders Markdown shows it.

It needs the Python packages markdown, weasyprint, pypdfium2 and pillow, and the library Pango. Run it after a change of the comment:

    python3 docs/picture.py
"""

import io
import pathlib

import markdown
import pypdfium2
import weasyprint
from PIL import Image

FOLDER = pathlib.Path(__file__).parent
STYLE = """
@page { size: 720px 245px; margin: 0; background: #fff }
body { font: 14px/1.5 'DejaVu Sans', sans-serif; color: #16191f; margin: 16px }
div { border: 1px solid #d5dbdb; border-radius: 4px }
h1 { background: #f2f3f3; font-size: 13px; font-weight: normal; margin: 0; padding: 8px 16px }
p, pre { margin: 12px 16px }
a { color: #0073bb; text-decoration: none }
pre { background: #f2f3f3; padding: 8px 12px }
code { font-family: 'DejaVu Sans Mono', monospace; font-size: 12px; background: #f2f3f3 }
"""


def comment():
    """Returns the Markdown of the first quotation in the section on feedback."""
    text = (FOLDER / "feedback.md").read_text(encoding="utf-8").split("\n## Feedback\n", 1)[1]
    lines = text[text.index("\n> ") + 1 :].split("\n\n", 1)[0].splitlines()
    return "\n".join(line.removeprefix(">").removeprefix(" ") for line in lines)


def main():
    # The usual fonts have no colored cross.
    text = comment().replace("\N{CROSS MARK}", '<b style="color: #d13212">\N{HEAVY MULTIPLICATION X}</b>')
    body = markdown.markdown(text, extensions=["fenced_code"])
    page = f"<style>{STYLE}</style><div><h1>The report function commented on the pull request</h1>{body}</div>"
    pdf = weasyprint.HTML(string=page).write_pdf()
    image = pypdfium2.PdfDocument(io.BytesIO(pdf))[0].render(scale=2).to_pil()
    image.quantize(64, dither=Image.Dither.NONE).save(FOLDER / "comment.png", optimize=True)


if __name__ == "__main__":
    main()
